// Runs every server audit of graphql-http against a running server and prints one line for each.
// usage: node audit.js URL [TOKEN]
'use strict';
const { serverAudits } = require('graphql-http');

async function main(url, token) {
  const as = (headers) => (token ? { ...headers, authorization: `Bearer ${token}` } : headers);
  const fetchFn = (to, options = {}) => fetch(to, { ...options, headers: as(options.headers) });
  const audits = serverAudits({ url, fetchFn });
  let passed = 0;
  for (const audit of audits) {
    const result = await audit.fn();
    const ok = result.status === 'ok';
    if (ok) passed += 1;
    console.log(`${ok ? 'ok' : result.status} ${audit.id} ${audit.name}${ok ? '' : ` -- ${result.reason}`}`);
  }
  console.log(`${passed} of ${audits.length}`);
  process.exit(passed === audits.length ? 0 : 1);
}

main(process.argv[2], process.argv[3]);
