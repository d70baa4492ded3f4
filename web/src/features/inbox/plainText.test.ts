import { describe, expect, it } from "vitest";
import { linked, passages } from "./plainText";

const kinds = (body: string) => passages(body).map((p) => [p.kind, p.text.trim()]);

describe("passages of a plain message", () => {
  it("folds a quote with the line that announces it", () => {
    expect(kinds("Yes.\n\nOn Mon, 3 Mar 2026, Mara wrote:\n> Shall we?\n>\n> M.")).toEqual([
      ["text", "Yes."],
      ["quote", "On Mon, 3 Mar 2026, Mara wrote:\n> Shall we?\n>\n> M."],
    ]);
  });
  it("knows an announcement broken over two lines", () => {
    expect(kinds("Yes.\nOn Mon, 3 Mar 2026 at 10:00, Mara Lindqvist\n<m@x.example> wrote:\n> Hi")[1]?.[1]).toMatch(
      /^On Mon/,
    );
  });
  it("leaves answers between the quotes in sight", () => {
    expect(kinds("> Which colour?\nBlack.\n> How many?\nForty.").map(([kind]) => kind)).toEqual([
      "quote",
      "text",
      "quote",
      "text",
    ]);
  });
  it("takes all after 'Original Message' as quoted", () => {
    expect(kinds("Fine.\n-----Original Message-----\nFrom: M\n\nHello")).toEqual([
      ["text", "Fine."],
      ["quote", "-----Original Message-----\nFrom: M\n\nHello"],
    ]);
  });
  it("folds the signature", () =>
    expect(kinds("Hi\n\n-- \nMara\n+44")).toEqual([
      ["text", "Hi"],
      ["signature", "-- \nMara\n+44"],
    ]));
  it("loses nothing", () => {
    const body = "A\n\n> b\n\nC\n-- \nD";
    expect(
      passages(body)
        .map((p) => p.text)
        .join("\n")
        .replace(/\s/g, ""),
    ).toBe(body.replace(/\s/g, ""));
  });
  it("has nothing to show for an empty body", () => expect(passages(" \r\n ")).toEqual([]));
});

describe("links", () => {
  it("leaves the full stop outside", () => {
    expect(linked("See https://a.example/x?b=1.")).toEqual([
      { text: "See " },
      { text: "https://a.example/x?b=1", href: "https://a.example/x?b=1" },
      { text: "." },
    ]);
  });
  it("makes addresses writable", () =>
    expect(linked("a@b.example")).toEqual([{ text: "a@b.example", href: "mailto:a@b.example" }]));
  it.each(["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"])("never links %s", (text) => {
    expect(linked(text).every((piece) => piece.href === undefined)).toBe(true);
  });
});
