const form = document.getElementById("search"), words = document.getElementById("words");
const told = document.getElementById("told"), items = [...document.querySelectorAll("li.sought")];
const texts = items.map((item) => item.textContent.toLowerCase());
function search() {
  const sought = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  items.forEach((item, place) => {
    item.hidden = !sought.every((word) => texts[place].includes(word));
    shown += !item.hidden;
  });
  document.querySelectorAll("section.headlines").forEach((part) => {
    part.hidden = !part.querySelector("li:not([hidden])");
  });
  told.textContent = sought.length ? `${shown} of ${items.length} are shown.` : "";
}
form.addEventListener("submit", (event) => event.preventDefault());
words.addEventListener("input", search);
form.hidden = false;
