// Adds jobs with pg-boss: SERVER SECONDS CLIENTS; prints how many a second.
import { PgBoss } from "pg-boss";

const [server, seconds, clients] = process.argv.slice(2);
const boss = new PgBoss({ connectionString: server, max: 32, supervise: false, schedule: false });
await boss.start();
await boss.createQueue("run");
const begun = performance.now();
const until = begun + Number(seconds) * 1000;
let added = 0;
const client = async () => {
  while (performance.now() < until) {
    await boss.send("run", { mode: "bench" });
    added += 1;
  }
};
await Promise.all(Array.from({ length: Number(clients) }, client));
const rate = added / ((performance.now() - begun) / 1000);
await boss.stop({ graceful: false });
console.log(rate);
