/** What a person can do here: written once, shown in menus, found in the palette, reached by a key. */
import {
  type ComponentType,
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { isTyping, written } from "./keys";

export interface Action {
  id: string;
  /** A verb and its object: "Sync now". Under "Go to" the page alone. */
  label: string;
  /** The heading it stands under in the palette and the help. */
  group: string;
  /** One or more ways to press it; see keys.ts. The first is shown. */
  keys?: string[];
  icon?: ComponentType<{ size?: number }>;
  /** Words that also find it in the palette. */
  words?: string;
  /** Reached by its key only, and not listed. */
  quiet?: boolean;
  when?: () => boolean;
  run: () => void;
}

class Registry {
  private sets = new Map<symbol, Action[]>();
  private watchers = new Set<() => void>();
  private all: Action[] = [];

  put(owner: symbol, actions: Action[]) {
    this.sets.set(owner, actions);
    this.changed();
  }

  drop(owner: symbol) {
    this.sets.delete(owner);
    this.changed();
  }

  watch = (onChange: () => void) => {
    this.watchers.add(onChange);
    return () => this.watchers.delete(onChange);
  };

  /** Those of the page first: it registered last. */
  list = () => this.all;

  private changed() {
    this.all = [...this.sets.values()].reverse().flat();
    for (const watch of this.watchers) watch();
  }
}

const RegistryContext = createContext<Registry>(new Registry());

const possible = (a: Action) => a.when?.() ?? true;

export function ActionsProvider({ children }: { children: ReactNode }) {
  const [registry] = useState(() => new Registry());
  useEffect(() => listenForKeys(registry), [registry]);
  return <RegistryContext value={registry}>{children}</RegistryContext>;
}

/** Offers these actions while the component is there. They may change with every render. */
export function useActions(actions: Action[]) {
  const registry = useContext(RegistryContext);
  const owner = useRef(Symbol("actions"));
  const latest = useRef(actions);
  latest.current = actions;
  const shape = actions.map((a) => `${a.id}:${a.label}:${a.keys?.join()}`).join("|");
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the actions, whose functions are read when run
  useEffect(() => {
    const byId = (id: string) => latest.current.find((a) => a.id === id);
    const steady = latest.current.map((a) => ({
      ...a,
      when: () => {
        const now = byId(a.id);
        return now ? possible(now) : false;
      },
      run: () => byId(a.id)?.run(),
    }));
    registry.put(owner.current, steady);
  }, [registry, shape]);
  useEffect(() => () => registry.drop(owner.current), [registry]);
}

/** Everything that the page offers, also what cannot be done at this moment. */
export function useAllActions(): Action[] {
  const registry = useContext(RegistryContext);
  return useSyncExternalStore(registry.watch, registry.list);
}

/** Everything that can be done now. */
export function useAvailableActions(): Action[] {
  return useAllActions().filter(possible);
}

const pause = 900;

function listenForKeys(registry: Registry): () => void {
  let first = "";
  let forget: ReturnType<typeof setTimeout> | undefined;
  // Whether something lies above the page is asked before the key reaches it: it may close by this very key.
  let overlay = false;
  const onCapture = () => {
    overlay = document.querySelector("dialog[open], [role=dialog][aria-modal=true], [role=menu]") !== null;
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || ["Shift", "Control", "Meta", "Alt"].includes(event.key)) return;
    const press = written(event);
    if ((isTyping(event.target) || overlay) && !press.startsWith("mod+")) return;
    const available = registry.list().filter(possible);
    const sequence = first ? `${first} ${press}` : press;
    const match = (wanted: string) => available.find((a) => a.keys?.includes(wanted));
    const action = match(sequence) ?? (first ? match(press) : undefined);
    clearTimeout(forget);
    first = "";
    if (action) {
      if (opensByItself(event)) return;
      event.preventDefault();
      action.run();
    } else if (available.some((a) => a.keys?.some((k) => k.startsWith(`${press} `)))) {
      first = press;
      forget = setTimeout(() => {
        first = "";
      }, pause);
    }
  };
  window.addEventListener("keydown", onCapture, true);
  window.addEventListener("keydown", onKey);
  return () => {
    clearTimeout(forget);
    window.removeEventListener("keydown", onCapture, true);
    window.removeEventListener("keydown", onKey);
  };
}

/** Enter on a focused button or link already does something. */
const opensByItself = (event: KeyboardEvent) =>
  event.key === "Enter" &&
  event.target instanceof Element &&
  event.target.closest("a,button,[role=button],summary") !== null;
