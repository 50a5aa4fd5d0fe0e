// The part of Engine.IO 4 and Socket.IO 5 that this page needs: WebSocket
// first, long polling when no WebSocket comes about.
"use strict";

(function () {
  const byId = (id) => document.getElementById(id);
  const path = "/socket.io/?EIO=4&transport=";
  let send = () => {};
  let joined = new Set();

  const state = (text) => { byId("state").textContent = text; };
  const emit = (name, data) => send("42" + JSON.stringify([name, data]));

  const handlers = {
    tick(tick) { byId("tick").textContent = tick.count + " for " + tick.user + " at " + tick.time + ", " + tick.version + " on " + tick.instance; },
    said(said) {
      const line = document.createElement("li");
      line.textContent = "[" + said.room + "] " + said.user + ": " + said.text;
      byId("said").append(line);
    },
  };

  // One Engine.IO packet. Returns false when the server ended the connection.
  function receive(packet, transport) {
    if (packet[0] === "0") { send("40"); return true; }
    if (packet === "2") { send("3"); return true; }
    if (packet === "1" || packet.startsWith("41")) return false;
    if (packet.startsWith("44")) { location.assign("/login"); return false; }
    if (packet.startsWith("40")) { state("connected by " + transport); joined = new Set(); return true; }
    if (packet.startsWith("42")) {
      const [name, data] = JSON.parse(packet.slice(2));
      if (handlers[name]) handlers[name](data);
    }
    return true;
  }

  function again() { state("connecting again"); setTimeout(overWebSocket, 2000); }

  function overWebSocket() {
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + path + "websocket");
    let opened = false;
    send = (text) => { if (socket.readyState === WebSocket.OPEN) socket.send(text); };
    socket.onopen = () => { opened = true; };
    socket.onmessage = (message) => { if (!receive(message.data, "WebSocket")) socket.close(); };
    socket.onclose = () => { if (opened) again(); else overPolling(); };
  }

  async function overPolling() {
    try {
      let url = path + "polling";
      const read = async () => {
        const answer = await fetch(url, { cache: "no-store" });
        if (!answer.ok) throw new Error("status " + answer.status);
        return (await answer.text()).split("\x1e");
      };
      let queue = Promise.resolve(); // one POST at a time keeps packets in order
      const post = (text) => fetch(url, { method: "POST", body: text, headers: { "Content-Type": "text/plain" } });
      send = (text) => { queue = queue.then(() => post(text)).catch(() => {}); return queue; };
      const opening = (await read())[0];
      url += "&sid=" + encodeURIComponent(JSON.parse(opening.slice(1)).sid);
      await send("40");
      for (;;) {
        for (const packet of await read()) {
          if (!receive(packet, "polling")) return again();
        }
      }
    } catch (error) {
      again();
    }
  }

  byId("say").addEventListener("submit", (submit) => {
    submit.preventDefault();
    const fields = submit.target.elements;
    const room = fields.room.value;
    if (!joined.has(room)) { emit("join", { room }); joined.add(room); }
    emit("say", { room, text: fields.text.value });
    fields.text.value = "";
  });

  overWebSocket();
})();
