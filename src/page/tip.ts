import { membersOf } from "./model.ts";
import { lineOf } from "./near.ts";
import { lookOf, type Scene } from "./scene.ts";
import { titleOf } from "./words.ts";

/** What a node is called, beside the pointer, where nodes are too small for names. */
export interface Tip {
  readonly show: (scene: Scene, node: number | undefined, x: number, y: number) => void;
  readonly hide: () => void;
  readonly stop: () => void;
}

/** Adds the tip to an element. */
export function createTip(host: HTMLElement): Tip {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  host.append(tip);
  const hide = () => {
    tip.hidden = true;
    host.classList.remove("over");
  };
  return {
    show: (scene, at, x, y) => {
      const node = at === undefined ? undefined : scene.drawing.nodes[at];
      if (at === undefined || node === undefined) return hide();
      const below =
        node.type === "steps" ? lineOf(lookOf(scene, at), membersOf(node, scene.drawing.steps)) : "";
      const name = document.createElement("strong");
      name.textContent = titleOf(node);
      tip.replaceChildren(name, below);
      tip.hidden = false;
      host.classList.add("over");
      const left = Math.min(x + 14, host.clientWidth - tip.offsetWidth - 8);
      const top = Math.min(y + 14, host.clientHeight - tip.offsetHeight - 8);
      tip.style.transform = `translate(${left}px, ${top}px)`;
    },
    hide,
    stop: () => tip.remove(),
  };
}
