// Begins the viewer on the page's own data, or on a server's.

function begin() {
  const host = document.getElementById("viewer");
  const source = document.getElementById("data");
  if (!host || !source) return;
  let data;
  try {
    data = JSON.parse(source.textContent);
  } catch (error) {
    host.replaceChildren(make("p", { class: "warning", text: `the data of this page cannot be read: ${error.message}` }));
    return;
  }
  if (data.format !== 1) {
    host.replaceChildren(make("p", { class: "warning", text: `this page's data are of format ${data.format}, and its viewer reads 1` }));
    return;
  }
  if (!data.trials.length) {
    host.replaceChildren(make("p", { class: "warning", text: "this run has no planned trial" }));
    return;
  }
  window.viewer = new Viewer(data, host);
  performance.mark("drawn");
}

begin();
