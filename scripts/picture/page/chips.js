// Members of groups as chips, which slide from one partition to the next.
import { calm, h } from "./dom.js";

const chips = new Map();
let shared = []; // the members of all groups, as they were drawn last

// The chip of this key; there is one on the page, wherever it is put.
export function chip(key) {
  if (!chips.has(key)) chips.set(key, h("span", { class: "chip" }));
  return chips.get(key);
}

// Draw, and let what was moved by it slide there. Where everybody has what he had, nothing is: to
// measure it would cost more than all the rest.
export function sliding(groups, draw) {
  const last = shared;
  shared = groups.map((one) => one.members);
  const same = shared.length === last.length && shared.every((one, index) => one === last[index]);
  if (same || calm() || document.hidden) {
    draw();
    for (const [key, one] of chips) if (!one.isConnected) chips.delete(key);
    return;
  }
  const before = new Map();
  for (const one of chips.values()) if (one.isConnected) before.set(one, place(one));
  draw();
  const moved = [];
  for (const [key, one] of chips) {
    if (!one.isConnected) {
      chips.delete(key);
      continue;
    }
    const now = place(one), was = before.get(one);
    if (was && (Math.abs(was.x - now.x) > 2 || Math.abs(was.y - now.y) > 2)) {
      one.style.transition = "none";
      one.style.transform = `translate(${was.x - now.x}px, ${was.y - now.y}px)`;
      moved.push(one);
    } else if (!was && before.size) {
      one.style.transition = "none";
      one.style.opacity = "0";
      moved.push(one);
    }
  }
  if (!moved.length) return;
  document.body.getBoundingClientRect(); // so that what follows is a change from where it was
  for (const one of moved) one.style.transition = one.style.transform = one.style.opacity = "";
}

// Where it stands on the page, and not on the screen, which may have been scrolled.
function place(element) {
  const { x, y } = element.getBoundingClientRect();
  return { x: x + scrollX, y: y + scrollY };
}
