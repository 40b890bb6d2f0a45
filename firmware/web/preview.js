// The picture.

let shown = null; // URL of the one that is shown
let decoding = false;
let pictureAt = 0;

preview.onmessage = (blob) => {
  if (decoding) return; // a picture that comes too soon is not needed
  decoding = true;
  const url = URL.createObjectURL(new Blob([blob], { type: "image/jpeg" }));
  const picture = $("picture");
  const before = shown;
  const next = (good) => () => {
    decoding = false;
    if (before) URL.revokeObjectURL(before);
    if (!good) return;
    pictureAt = Date.now();
    picture.dataset.frames = Number(picture.dataset.frames || 0) + 1;
    if (picture.hidden || picture.className) renderPicture();
  };
  picture.onload = next(true);
  picture.onerror = next(false);
  shown = url;
  picture.src = url;
};
preview.onopen = preview.onclose = () => { decoding = false; };

function renderPicture() {
  const fresh = preview.open && Date.now() - pictureAt < SILENCE;
  const picture = $("picture");
  picture.hidden = !pictureAt || !preview.wanted;
  picture.className = fresh ? "" : "old";
  const words = fresh ? "" : !health ? "Waiting for the board" : !preview.wanted ? "This board has no picture source" : !preview.open ? "Connecting to the picture again" : "Waiting for a picture";
  $("no-picture").hidden = !words;
  show("no-picture", words);
}
