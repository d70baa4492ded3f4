import { fireEvent, render } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { ActionsProvider, useActions, useAvailableActions } from "./actions";
import { shown, written } from "./keys";

const press = (key: string, more: object = {}, target: Element | Window = window) =>
  fireEvent.keyDown(target, { key, ...more });

function Page({ run, open = true, keys }: { run: (id: string) => void; open?: boolean; keys?: string[] }) {
  useActions([
    { id: "next", label: "Next", group: "Mail", keys: keys ?? ["j", "ArrowDown"], run: () => run("next") },
    { id: "close", label: "Close", group: "Mail", keys: ["u"], when: () => open, run: () => run("close") },
    { id: "go", label: "Go to the inbox", group: "Go to", keys: ["g i"], run: () => run("go") },
    { id: "palette", label: "Search", group: "General", keys: ["mod+k"], run: () => run("palette") },
  ]);
  return <input aria-label="field" />;
}

const Names = () => (
  <p>
    {useAvailableActions()
      .map((a) => a.label)
      .join(",")}
  </p>
);

function mount(props: { open?: boolean } = {}) {
  const run = vi.fn();
  const view = render(
    <ActionsProvider>
      <Page run={run} {...props} />
      <Names />
    </ActionsProvider>,
  );
  return { run, view };
}

describe("actions", () => {
  it("run by any of their keys", () => {
    const { run } = mount();
    press("j");
    press("ArrowDown");
    expect(run.mock.calls).toEqual([["next"], ["next"]]);
  });

  it("run by two keys in a row, and by the second alone not", () => {
    const { run } = mount();
    press("i");
    press("g");
    press("i");
    expect(run.mock.calls).toEqual([["go"]]);
  });

  it("do not run, and are not listed, when they make no sense", () => {
    const { run, view } = mount({ open: false });
    press("u");
    expect(run).not.toHaveBeenCalled();
    expect(view.container.textContent).not.toContain("Close");
  });

  it("leave typing alone, but for keys with Ctrl", () => {
    const { run, view } = mount();
    const field = view.getByLabelText("field");
    press("j", {}, field);
    press("k", { ctrlKey: true }, field);
    expect(run.mock.calls).toEqual([["palette"]]);
  });

  it("are gone with the page that offered them", () => {
    const { run, view } = mount();
    view.rerender(
      <ActionsProvider>
        <Names />
      </ActionsProvider>,
    );
    press("j");
    expect(run).not.toHaveBeenCalled();
  });
});

it.each([
  [{ key: "K", shiftKey: true }, "shift+k"],
  [{ key: "?", shiftKey: true }, "?"],
  [{ key: "k", ctrlKey: true }, "mod+k"],
  [{ key: "Escape" }, "Escape"],
])("a press of %o is written %s", (event, text) => {
  expect(written({ ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...event })).toBe(text);
});

it("shows keys as on the keyboard", () => expect(shown("mod+k")).toBe("Ctrl K"));
