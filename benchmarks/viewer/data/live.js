// Begins the viewer on a server's data, and follows what grows there.

const token = new URLSearchParams(location.search).get("token") ?? "";

function server(path, options) {
  return fetch(`${path}?token=${encodeURIComponent(token)}`, options).then(async (answer) => {
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error ?? `HTTP ${answer.status}`);
    return told;
  });
}

function askBox(choices) {
  const field = (name, values) => make("label", {}, `${name} `, make("select", { name },
    ...values.map((value) => make("option", { value, text: clip(value, 60) }))));
  const words = make("textarea", { name: "instruction", rows: "2", required: true, "aria-label": "what is to be done", placeholder: "what is to be done" });
  const said = make("p", { role: "status" });
  return make("form", {
    class: "ask", on: {
      submit: async (event) => {
        event.preventDefault();
        const told = Object.fromEntries(new FormData(event.target));
        said.textContent = "growing …";
        try {
          const { number } = await server("/ask", {
            method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(told),
          });
          said.textContent = "";
          await reload();
          viewer.openTrials([number]);
        } catch (error) {
          said.textContent = error.message;
        }
      },
    },
  }, words, ...Object.entries(choices).map(([name, values]) => field(name, values)),
  make("button", { type: "submit", text: "ask" }), said);
}

const status = make("p", { class: "count", role: "status" });
const above = document.getElementById("above");
const host = document.getElementById("viewer");
let viewer = null;
let events = null;

async function reload() {
  const data = await server("/data");
  viewer?.leave();
  viewer = window.viewer = new Viewer(data, host, { fetchTree: (number) => server(`/tree/${number}`), notes: data.notes });
  viewer.saveNotes = (notes) => server("/notes", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(notes),
  }).catch((error) => { status.textContent = `notes were not saved: ${error.message}`; });
  follow(data.version);
  if (data.ask && !above.querySelector(".ask")) above.prepend(askBox(data.ask));
}


function follow(version) {
  events?.close();
  events = new EventSource(`/events?token=${encodeURIComponent(token)}&version=${version}`);
  events.addEventListener("trial", (event) => {
    const { number, trial, texts } = JSON.parse(event.data);
    viewer.update(number, trial, texts);
  });
  events.addEventListener("growing", (event) => {
    const { number, ...found } = JSON.parse(event.data);
    viewer.growing(number, found);
  });
  events.addEventListener("status", (event) => { status.textContent = JSON.parse(event.data).text; });
  events.addEventListener("reload", () => reload());
  events.onerror = () => { status.textContent = "the server is gone; what you see is what it told last"; };
}

above.append(status);
reload().then(() => performance.mark("drawn")).catch((error) => {
  host.replaceChildren(make("p", { class: "warning", text: error.message }));
});
