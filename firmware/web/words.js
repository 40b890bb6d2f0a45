// What is said and shown, and in which words.

const $ = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];

const CODES = {
  1000: "normal closure", 1001: "going away", 1002: "protocol error", 1003: "unsupported data",
  1005: "no code given", 1006: "no Close was received", 1007: "invalid data", 1008: "policy violation",
  1009: "message too big", 1011: "internal error", 1012: "restarting", 1013: "try again later",
};

function show(id, text) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
}

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function say(text) {
  $("live").textContent = text;
}

let noticeTimer;
function notice(text) {
  clearTimeout(noticeTimer);
  $("notice").hidden = !text;
  show("notice", text || "");
  if (text) noticeTimer = setTimeout(notice, 8000, "");
}

function inWords(event, byUs) {
  const code = event.code + " " + (CODES[event.code] || "");
  const reason = event.reason ? ": " + event.reason : "";
  if (event.wasClean) return "closed cleanly by " + (byUs ? "this page" : "the server") + ", " + code.trim() + reason;
  return "lost, " + code.trim() + reason;
}

function time(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

function duration(s) {
  s = Math.floor(s);
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([n]) => s >= n);
  return first < 0 ? "0 s" : parts.slice(first, first + 2).map(([n, unit], i) => Math.floor(i ? s % parts[first][0] / n : s / n) + " " + unit).join(" ");
}

function kilo(octets) {
  return octets < 1024 * 1024 ? Math.round(octets / 1024) + " KB" : (octets / 1048576).toFixed(1) + " MB";
}
