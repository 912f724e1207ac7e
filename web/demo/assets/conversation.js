// The consumer's side of a conversation: it shows what is written and sends what
// the consumer writes, with the consumer token. In the embedded window that comes
// from the brand's page, in the external one from its own storage. When it has
// expired, the first asks the page for another; the second asks the visitor to
// sign in.
(function () {
  "use strict";

  const chat = document.getElementById("chat");
  if (!chat) {
    return; // refused
  }
  const list = document.getElementById("messages");
  const form = document.getElementById("write");
  const expired = document.getElementById("expired");
  const draft = "draft " + location.pathname;
  const embedded = window.parent !== window;

  let token = embedded ? "" : sessionStorage.getItem(location.pathname);
  let renewing = null; // while the page is asked
  let renewed = null; // ends that

  function renew() {
    if (embedded) {
      renewing =
        renewing ||
        new Promise((resolve) => {
          renewed = resolve;
          window.parent.postMessage("expired", chat.dataset.brand);
        });
      return renewing;
    }
    sessionStorage.setItem(draft, form.text.value);
    expired.hidden = false;
    form.hidden = true;
    return new Promise(() => {}); // the visitor goes, and comes back with another
  }

  async function call(options) {
    for (;;) {
      const used = token;
      const response = await fetch(chat.dataset.messages, { credentials: "omit", headers: { Authorization: "jwt " + used }, ...options });
      if (response.status !== 401) {
        return response;
      }
      if (token === used) {
        await renew();
      }
    }
  }

  let reading = false;
  async function read() {
    if (reading) {
      return;
    }
    reading = true;
    try {
      const response = await call({});
      const { messages } = response.ok ? await response.json() : { messages: [] };
      for (const message of messages.slice(list.children.length)) {
        const item = document.createElement("li");
        const own = message.by === "consumer";
        item.className = message.by + (own ? " own" : "");
        item.dataset.author = own ? "You" : "Agent";
        item.textContent = message.text;
        list.append(item);
      }
    } finally {
      reading = false;
    }
  }

  async function write() {
    const text = form.text.value;
    form.send.disabled = true;
    try {
      const response = await call({ method: "POST", body: JSON.stringify({ text }) });
      if (response.ok) {
        form.reset();
        sessionStorage.removeItem(draft);
        await read();
      }
    } finally {
      form.send.disabled = false;
    }
  }

  function begin() {
    chat.hidden = false;
    read();
    setInterval(read, 1000);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    write();
  });

  document.getElementById("sign-in-again").addEventListener("click", () => {
    const query = new URLSearchParams(sessionStorage.getItem("opened"));
    const config = JSON.parse(query.get("lpUnifiedWindowConfig"));
    config.engConf.conversationId = chat.dataset.conversation;
    query.set("lpUnifiedWindowConfig", JSON.stringify(config));
    location.assign(chat.dataset.window + "?" + query);
  });

  if (embedded) {
    addEventListener("message", (event) => {
      if (event.source !== window.parent || event.origin !== chat.dataset.brand || !event.data.token) {
        return;
      }
      const first = !token;
      token = event.data.token;
      if (first) {
        begin();
      } else if (renewing) {
        renewing = null;
        renewed();
      }
    });
    window.parent.postMessage("ready", chat.dataset.brand);
  } else if (token) {
    form.text.value = sessionStorage.getItem(draft) || "";
    begin();
  }
})();
