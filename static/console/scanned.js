/* Opens the app by itself; a phone that is still here after a moment has no app and is led to where one gets it. */
const link = document.getElementById("open-app");
if (link) {
  window.location.href = link.href;
  if (link.dataset.download) {
    setTimeout(() => { if (!document.hidden) window.location.href = link.dataset.download; }, 2500);
  }
}
