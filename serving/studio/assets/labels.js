// Gradio gives the buttons of all fields for files one name. Their labels tell them apart.
"use strict";

(() => {
  const name = () => {
    for (const field of document.querySelectorAll(".drop")) {
      const label = field.querySelector("[data-testid=block-label]").textContent.trim();
      const names = {
        ".upload-container": `${label}: drop a file, or click to choose`,
        "input[type=file]": label,
        ".icon-button-wrapper button": `Remove: ${label}`,
      };
      for (const [selector, text] of Object.entries(names)) {
        const node = field.querySelector(selector);
        if (node?.ariaLabel !== text) node?.setAttribute("aria-label", text);
      }
    }
  };
  new MutationObserver(name).observe(document, { childList: true, subtree: true });
})();
