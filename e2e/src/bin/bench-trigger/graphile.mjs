// Adds jobs with graphile-worker: SERVER SECONDS CLIENTS; prints how many a second.
import { makeWorkerUtils } from "graphile-worker";

const [server, seconds, clients] = process.argv.slice(2);
const utils = await makeWorkerUtils({ connectionString: server, maxPoolSize: 32 });
await utils.migrate();
const begun = performance.now();
const until = begun + Number(seconds) * 1000;
let added = 0;
const client = async () => {
  while (performance.now() < until) {
    await utils.addJob("run", { mode: "bench" });
    added += 1;
  }
};
await Promise.all(Array.from({ length: Number(clients) }, client));
const rate = added / ((performance.now() - begun) / 1000);
await utils.release();
console.log(rate);
