{{/* What the objects of this release are called. */}}
{{- define "escapement.fullname" -}}
{{- if contains "escapement" .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-escapement" (.Release.Name | trunc 29 | trimSuffix "-") }}
{{- end -}}
{{- end }}

{{/* Of what all clusters share a list: unique among the releases of all namespaces. */}}
{{- define "escapement.clusterName" -}}
{{ .Release.Namespace }}-{{ include "escapement.fullname" . }}
{{- end }}

{{/* The four services: what each uses, and the names it has in values and elsewhere. */}}
{{- define "escapement.services" -}}
apiGateway: { name: api-gateway, broker: true, keys: true, sizes: true }
schedulerSvc: { name: scheduler-svc, broker: true }
executorSvc: { name: executor-svc, broker: true, keys: true, sizes: true, cluster: true }
logSvc: { name: log-svc, keys: true, cluster: true }
{{- end }}

{{- define "escapement.labels" -}}
app.kubernetes.io/name: escapement
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "escapement.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The Secret with the addresses: the user's, or the one of the trial. */}}
{{- define "escapement.secretName" -}}
{{- if .Values.trial.enabled -}}
{{ include "escapement.fullname" . }}-trial
{{- else -}}
{{ required "secretName: name the Secret that says where Postgres and RabbitMQ are, or set trial.enabled=true" .Values.secretName }}
{{- end -}}
{{- end }}

{{/* A variable from that Secret: (list context variable key). */}}
{{- define "escapement.secretVariable" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef: { name: {{ include "escapement.secretName" (index . 0) }}, key: {{ index . 2 }} }
{{- end }}

{{/* As another user than root, with nothing to write to and no rights. */}}
{{- define "escapement.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "escapement.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* A service's configuration file, as a map: (dict "root" context "key" "apiGateway"). */}}
{{- define "escapement.settings" -}}
{{- $values := .root.Values -}}
{{- $service := index (include "escapement.services" .root | fromYaml) .key -}}
{{- $shutdown := $values.shutdown -}}
{{- $settings := dict
    "health" (dict "listen" "0.0.0.0:9090")
    "shutdown" (dict "grace" (printf "%ds" (int $shutdown.grace)) "flush" (printf "%ds" (int $shutdown.flush))) -}}
{{- with $values.traces.endpoint -}}
{{- $_ := set $settings "traces" (dict "endpoint" .) -}}
{{- end -}}
{{- if eq .key "apiGateway" -}}
{{- $_ := set $settings "api" (dict "listen" "0.0.0.0:8080") -}}
{{- $_ := set $settings "regions" ($values.regions | default (list $values.region)) -}}
{{- end -}}
{{- if $service.cluster -}}
{{- $_ := set $settings "cluster" (dict
    "region" $values.region
    "instance" (include "escapement.fullname" .root)
    "namespace_prefix" $values.namespacePrefix) -}}
{{- end -}}
{{- if eq .key "executorSvc" -}}
{{- $_ := set $settings "pod" (dict "log_proof_image" (include "escapement.image" .root)) -}}
{{- end -}}
{{- if and $service.sizes $values.sizes -}}
{{- $_ := set $settings "sizes" $values.sizes -}}
{{- end -}}
{{- /* Helm reads every number of a file as a fraction. */}}
{{- $toml := mergeOverwrite $settings (deepCopy (index $values .key).settings) | toToml -}}
{{- regexReplaceAll "(?m) = (-?[0-9]+)\\.0$" $toml " = ${1}" | trim -}}
{{- end }}
