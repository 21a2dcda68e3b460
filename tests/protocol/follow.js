// Follows claimEvents with the clients people use (graphql-sse, graphql-ws) and prints one line of JSON for each
// event, until the process is killed. The client of a stream comes back by itself with its last cursor.
// usage: node follow.js sse|ws URL TOKEN AFTER
'use strict';
const [transport, url, token, after] = process.argv.slice(2);
const query = `subscription ($after: String) {
  claimEvents(after: $after) { claimId seq type recordedAt cursor }
}`;
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const sink = {
  next: (result) => say(result.errors ? { errors: result.errors } : result.data.claimEvents),
  error: (error) => {
    say({ ended: error.code ?? 0, reason: error.reason ?? error.message ?? JSON.stringify(error) });
    process.exit(0);
  },
  complete: () => {
    say({ complete: true });
    process.exit(0);
  },
};
if (transport === 'sse') {
  const { createClient } = require('graphql-sse');
  const client = createClient({ url, headers: { authorization: `Bearer ${token}` }, retryAttempts: 0 });
  client.subscribe({ query, variables: { after } }, sink);
} else {
  const { createClient } = require('graphql-ws');
  const client = createClient({
    url: url.replace('http:', 'ws:'),
    webSocketImpl: require('ws'),
    connectionParams: { Authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  client.subscribe({ query, variables: { after } }, sink);
}
