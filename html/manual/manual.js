/* The filter boxes: without this script nothing is missing but they. */
for (const box of document.querySelectorAll("input[data-filter]")) {
    const all = [...document.querySelectorAll("main " + box.dataset.filter)];

    box.hidden = false;
    box.addEventListener("input", () => {
        const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);

        for (const one of all) {
            const text = one.textContent.toLowerCase();
            one.hidden = !words.every(word => text.includes(word));
        }
    });
}
