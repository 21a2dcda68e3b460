// Opens a socket, says who it is, and prints after how many milliseconds the server first shows a sign of life.
// usage: node beat.js URL TOKEN
'use strict';
const WebSocket = require('ws');
const [url, token] = process.argv.slice(2);
const socket = new WebSocket(url.replace('http:', 'ws:'), 'graphql-transport-ws');
let began;
socket.on('open', () => {
  began = Date.now();
  socket.send(JSON.stringify({ type: 'connection_init', payload: { token } }));
});
socket.on('ping', () => {
  console.log(Date.now() - began);
  process.exit(0);
});
socket.on('close', (code) => {
  console.log(`closed with ${code}`);
  process.exit(1);
});
