//! The tables as diesel sees them; kept in step with `migrations/` by a test.
#![allow(missing_docs, reason = "the migrations say what each column is")]

diesel::table! {
    accounts (id) {
        id -> Int8,
        name -> Text,
        created_at -> Timestamptz,
        kind -> Text,
        real_name -> Nullable<Text>,
        email -> Nullable<Text>,
        password_hash -> Nullable<Text>,
    }
}

diesel::table! {
    memberships (namespace, account_id) {
        namespace -> Text,
        account_id -> Int8,
        role -> Text,
        created_at -> Timestamptz,
        accepted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    tokens (id) {
        id -> Int8,
        account_id -> Int8,
        sha256 -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        name -> Text,
        scope -> Text,
        by_login -> Bool,
    }
}

diesel::table! {
    secrets (id) {
        id -> Int8,
        namespace -> Text,
        key_id -> Text,
        sealed -> Bytea,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    registry_credentials (namespace, registry) {
        namespace -> Text,
        registry -> Text,
        username -> Text,
        password_id -> Int8,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    calendars (namespace, name) {
        namespace -> Text,
        name -> Text,
        dates -> Array<Text>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    jobs (id) {
        id -> Int8,
        namespace -> Text,
        name -> Text,
        created_by -> Text,
        region -> Text,
        spec -> Jsonb,
        email_enabled -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        bytes -> Int4,
        max_running -> Nullable<Int4>,
    }
}

diesel::table! {
    schedules (job_id) {
        job_id -> Int8,
        mode -> Nullable<Text>,
        active -> Bool,
        generation -> Int8,
        effective_from -> Timestamptz,
        observed_generation -> Int8,
        next_at -> Nullable<Timestamptz>,
        error -> Nullable<Text>,
        rules -> Jsonb,
        anchor -> Timestamptz,
        due_at -> Nullable<Timestamptz>,
        shard -> Int2,
        bytes -> Int4,
    }
}

diesel::table! {
    schedule_history (job_id, generation) {
        job_id -> Int8,
        generation -> Int8,
        mode -> Nullable<Text>,
        rules -> Jsonb,
        anchor -> Timestamptz,
        active -> Bool,
        effective_from -> Timestamptz,
    }
}

diesel::table! {
    backfills (id) {
        id -> Int8,
        job_id -> Int8,
        generation -> Int8,
        from_at -> Timestamptz,
        to_at -> Timestamptz,
        per_minute -> Int4,
        count -> Int8,
        created_by -> Text,
        created_at -> Timestamptz,
        dropped_at -> Nullable<Timestamptz>,
        next_at -> Nullable<Timestamptz>,
        fired -> Int8,
        due_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    members (role, region, holder) {
        role -> Text,
        region -> Text,
        holder -> Uuid,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    leases (role, region, shard) {
        role -> Text,
        region -> Text,
        shard -> Int2,
        holder -> Nullable<Uuid>,
        epoch -> Int8,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    execs (id) {
        id -> Uuid,
        job_id -> Int8,
        namespace -> Text,
        region -> Text,
        shard -> Int2,
        trigger_mode -> Text,
        slot_at -> Nullable<Timestamptz>,
        created_by -> Text,
        created_at -> Timestamptz,
        spec -> Jsonb,
        cancel_requested_at -> Nullable<Timestamptz>,
        state -> Text,
        reason -> Nullable<Text>,
        message -> Nullable<Text>,
        exit_code -> Nullable<Int4>,
        attempt -> Int4,
        started_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        logs_abandoned_at -> Nullable<Timestamptz>,
        deleted_at -> Nullable<Timestamptz>,
        overrides -> Nullable<Jsonb>,
        rerun_of -> Nullable<Uuid>,
        lane -> Text,
        bytes -> Int4,
        traceparent -> Nullable<Text>,
    }
}

diesel::table! {
    exec_counts (job_id, stripe) {
        job_id -> Int8,
        stripe -> Int2,
        count -> Int8,
    }
}

diesel::table! {
    exec_attempts (exec_id, attempt) {
        exec_id -> Uuid,
        attempt -> Int4,
        created_at -> Timestamptz,
        job_uid -> Nullable<Text>,
        pod_uid -> Nullable<Text>,
        pod_name -> Nullable<Text>,
        claimed_at -> Nullable<Timestamptz>,
        node -> Nullable<Text>,
        started_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        settled_at -> Nullable<Timestamptz>,
        exit_code -> Nullable<Int4>,
        reason -> Nullable<Text>,
        message -> Nullable<Text>,
        rules -> Jsonb,
        start_recorded_at -> Nullable<Timestamptz>,
        not_before -> Nullable<Timestamptz>,
        logs_abandoned_at -> Nullable<Timestamptz>,
        obstacle -> Nullable<Text>,
        obstacle_message -> Nullable<Text>,
        obstacle_since -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    exec_events (exec_id, attempt, kind) {
        exec_id -> Uuid,
        attempt -> Int4,
        kind -> Text,
        at -> Timestamptz,
        message -> Text,
    }
}

diesel::table! {
    queues (region, namespace) {
        region -> Text,
        namespace -> Text,
        held_by -> Nullable<Text>,
        bound -> Nullable<Int4>,
        paced_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    slots (job_id, first_at, generation, backfill_id) {
        job_id -> Int8,
        generation -> Int8,
        first_at -> Timestamptz,
        last_at -> Timestamptz,
        count -> Int8,
        outcome -> Text,
        reason -> Nullable<Text>,
        exec_id -> Nullable<Uuid>,
        backfill_id -> Int8,
        lane -> Nullable<Text>,
    }
}

diesel::table! {
    log_streams (exec_id, attempt) {
        exec_id -> Uuid,
        attempt -> Int4,
        region -> Text,
        pod_uid -> Text,
        epoch -> Int8,
        next_seq -> Int8,
        bytes -> Int8,
        opened_at -> Timestamptz,
        sealed_at -> Nullable<Timestamptz>,
        complete -> Nullable<Bool>,
        message -> Nullable<Text>,
        ends_mid_line -> Bool,
        digest_state -> Nullable<Bytea>,
        sha256 -> Nullable<Bytea>,
        gaps -> Jsonb,
        left_out -> Nullable<Jsonb>,
        removed_at -> Nullable<Timestamptz>,
        proven -> Bool,
    }
}

diesel::table! {
    log_chunks (exec_id, attempt, first_seq) {
        exec_id -> Uuid,
        attempt -> Int4,
        first_seq -> Int8,
        lines -> Int4,
        first_at -> Timestamptz,
        last_at -> Timestamptz,
        raw_bytes -> Int4,
        data -> Bytea,
    }
}

diesel::table! {
    idempotency_keys (caller, key) {
        caller -> Text,
        key -> Text,
        key_id -> Text,
        digest -> Bytea,
        status -> Nullable<Int2>,
        answer -> Nullable<Bytea>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    audit_log (id) {
        id -> Int8,
        namespace -> Text,
        at -> Timestamptz,
        actor -> Text,
        token_id -> Nullable<Int8>,
        action -> Text,
        resource -> Text,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
    }
}

diesel::joinable!(schedules -> jobs (job_id));
diesel::joinable!(execs -> jobs (job_id));
diesel::joinable!(exec_attempts -> execs (exec_id));
diesel::joinable!(tokens -> accounts (account_id));
diesel::joinable!(memberships -> accounts (account_id));
diesel::joinable!(registry_credentials -> secrets (password_id));
diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    memberships,
    tokens,
    secrets,
    registry_credentials,
    calendars,
    jobs,
    schedules,
    schedule_history,
    backfills,
    members,
    leases,
    execs,
    exec_counts,
    exec_attempts,
    exec_events,
    queues,
    slots,
    log_streams,
    log_chunks,
    idempotency_keys,
    audit_log
);
