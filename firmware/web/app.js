// Colours: as the system has them, or as chosen. Then it begins.

const THEMES = ["", "light", "dark"];
function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  try { localStorage.setItem("theme", theme); } catch { /* private windows may refuse */ }
  $("theme").setAttribute("aria-label", "Colours: " + (theme || "as the system has them"));
  $("theme").title = $("theme").getAttribute("aria-label");
}
$("theme").onclick = () => setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "") + 1) % 3]);
let theme = "";
try { theme = localStorage.getItem("theme") || ""; } catch { /* the same */ }
setTheme(THEMES.includes(theme) ? theme : "");

renderDevices();
renderCamera();
start();
