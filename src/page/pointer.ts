import type { Direction } from "./neighbour.ts";

/** What pointers, wheel and arrow keys ask of the graph. Places are in CSS pixels of its element. */
export interface Asks {
  readonly pull: (dx: number, dy: number) => void;
  readonly zoom: (factor: number, x: number, y: number) => void;
  readonly click: (x: number, y: number, node: number | undefined) => void;
  readonly doubleClick: (x: number, y: number) => void;
  readonly hover: (x: number, y: number) => void;
  readonly leave: () => void;
  readonly arrow: (direction: Direction) => void;
}

/** A pointer that moves less has clicked. */
const stillPx = 4;
const wheelSpeed = 0.0016;
const lineHeight = 16;
const arrows: Readonly<Record<string, Direction>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Listens to pointers over an element: one pulls, two pull and zoom.
 *
 * @param host - the element
 * @param asks - what is called
 * @returns ends it
 */
export function listenTo(host: HTMLElement, asks: Asks): () => void {
  const ending = new AbortController();
  const options = { signal: ending.signal };
  const down = new Map<number, Point>();
  let start: (Point & { readonly isClick: boolean }) | undefined;
  const within = ({ clientX, clientY }: MouseEvent): Point => {
    const { left, top } = host.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  host.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      down.set(event.pointerId, within(event));
      start = { ...within(event), isClick: down.size === 1 };
    },
    options,
  );
  host.addEventListener(
    "pointermove",
    (event) => {
      const now = within(event);
      const before = down.get(event.pointerId);
      if (before === undefined) return asks.hover(now.x, now.y);
      if (start?.isClick && Math.hypot(now.x - start.x, now.y - start.y) < stillPx) return;
      if (start?.isClick) {
        start = { ...start, isClick: false };
        // Only now: a captured pointer clicks at the element that has it, not at the node below.
        host.setPointerCapture(event.pointerId);
      }
      const [other] = [...down].flatMap(([id, point]) => (id === event.pointerId ? [] : [point]));
      down.set(event.pointerId, now);
      if (other === undefined) asks.pull(now.x - before.x, now.y - before.y);
      else {
        const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
        asks.pull((now.x - before.x) / 2, (now.y - before.y) / 2);
        asks.zoom(apart(now, other) / Math.max(1, apart(before, other)), middle.x, middle.y);
      }
    },
    options,
  );
  const up = ({ pointerId }: PointerEvent) => void down.delete(pointerId);
  host.addEventListener("pointerup", up, options);
  host.addEventListener("pointercancel", up, options);
  host.addEventListener("pointerleave", asks.leave, options);
  host.addEventListener(
    "click",
    (event) => {
      // A key that presses a node has no place.
      const isKey = event.detail === 0;
      if (!isKey && start?.isClick === false) return;
      const { x, y } = within(event);
      const node = (event.target as HTMLElement).closest<HTMLElement>("[data-node]")?.dataset["node"];
      asks.click(x, y, node === undefined ? undefined : Number(node));
    },
    options,
  );
  host.addEventListener(
    "dblclick",
    (event) => {
      const { x, y } = within(event);
      asks.doubleClick(x, y);
    },
    options,
  );
  host.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = within(event);
      const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? lineHeight : 1;
      // Two fingers on a pad pull; a pinch comes as a wheel with Ctrl, ten times finer than a wheel.
      if (event.deltaX !== 0 && !event.ctrlKey) asks.pull(-event.deltaX * unit, -event.deltaY * unit);
      else asks.zoom(Math.exp(-event.deltaY * unit * wheelSpeed * (event.ctrlKey ? 5 : 1)), x, y);
    },
    { ...options, passive: false },
  );
  host.addEventListener(
    "keydown",
    (event) => {
      const direction = arrows[event.key];
      if (direction === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      asks.arrow(direction);
    },
    options,
  );
  return () => ending.abort();
}

function apart(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
