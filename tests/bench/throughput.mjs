// Requests per second and latency: each work at each number of connections, the servers in turn, round by round.
import { likeSessions, openSessions, prepare, works } from './works.mjs';
import { load } from './load.mjs';

// -> [{ work, connections, server, round, rps, p50, p99, ... }]
export async function measureThroughput(servers, issuer, plan, say) {
  const most = Math.max(...plan.runs.flatMap((run) => run.connections));
  const sessions = new Map();
  for (const server of servers) {
    sessions.set(server.id, server.limit ? likeSessions(issuer, most) : await openSessions(server, issuer, most));
  }
  const results = [];
  for (const { work: id, connections: counts, rounds } of plan.runs) {
    const work = works.find((one) => one.id === id);
    const able = [];
    for (const server of servers.filter((one) => (work.limits || !one.limit) && (id === 'call' || !one.variant))) {
      try {
        await prepare(work, { server, issuer, sessions: sessions.get(server.id) }, 1);
        able.push(server);
      } catch (error) {
        if (!work.optional) throw error;
      }
    }
    for (const connections of counts) {
      say(`${work.title}, ${connections} connection${connections > 1 ? 's' : ''}`);
      const prepared = new Map();
      for (const server of able) prepared.set(server.id, await prepare(work, { server, issuer, sessions: sessions.get(server.id) }, connections));
      for (let round = 0; round < rounds; round++) {
        for (const server of able) {
          const options = { connections, seconds: plan.seconds, sequence: work.sequence, status: work.status };
          const result = await load(server, prepared.get(server.id), options);
          results.push({ work: id, connections, server: server.id, round, ...result });
        }
      }
    }
  }
  return results;
}
