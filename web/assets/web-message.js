// Hands the answer to the page that opened this window, or frames it. The browser
// delivers it only if that page is of the origin that it is for.
(function () {
  "use strict";
  var answer = document.getElementById("web-message").dataset;
  var receiver = window.opener || (window.parent === window ? null : window.parent);
  if (receiver) {
    receiver.postMessage(JSON.parse(answer.message), answer.origin);
  }
  if (window.opener) {
    window.close();
  }
})();
