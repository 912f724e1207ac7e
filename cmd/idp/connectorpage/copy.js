(function () {
  "use strict";

  var status = document.getElementById("status");

  // select marks the value, for those browsers that do not let a page copy.
  function select(value) {
    var range = document.createRange();
    range.selectNodeContents(value);
    var selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    status.textContent = "Selected: copy it with the keyboard.";
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (!button) {
      return;
    }
    var name = document.getElementById(button.getAttribute("aria-describedby")).textContent;
    if (!navigator.clipboard) {
      select(button.previousElementSibling);
      return;
    }
    navigator.clipboard.writeText(button.dataset.copy).then(
      function () {
        status.textContent = "Copied: " + name;
      },
      function () {
        select(button.previousElementSibling);
      },
    );
  });
})();
