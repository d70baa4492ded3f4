// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { type Look, mailPage } from "./mailHtml";

const look: Look = {
  scheme: "light",
  ink: "#111",
  muted: "#666",
  accent: "#063",
  line: "#ddd",
  hit: "#fe9",
  fontUrl: "https://crm.example/i.woff2",
  origin: "https://crm.example",
};
const page = (html: string, remote = false) => mailPage(html, { remote, look });
const body = (html: string, remote = false) => page(html, remote).document.split("<body>")[1] ?? "";

describe("mail's HTML", () => {
  it.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<iframe src="https://evil.example"></iframe>',
    '<form action="https://evil.example"><input name=p></form>',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<base href="https://evil.example">',
    '<link rel="stylesheet" href="https://evil.example/x.css">',
    '<object data="https://evil.example"></object>',
  ])("loses what is dangerous in %s", (html) => {
    expect(body(`<p>text</p>${html}`)).not.toMatch(
      /script|onerror|onload|javascript:|<iframe|<form|<input|<meta|<base|<link|<object/i,
    );
    expect(body(`<p>text</p>${html}`)).toContain("text");
  });

  it("has a policy that allows no script and no address of others", () => {
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page("<p>x</p>").document)?.[1] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/script-src|https:( |;|$)/);
    expect(/Content-Security-Policy" content="([^"]*)"/.exec(page("<p>x</p>", true).document)?.[1]).toMatch(
      /img-src [^;]* https:/,
    );
  });

  it("holds remote pictures back, in every way they are named", () => {
    const html =
      '<img src="https://a.example/1.png"><img src="//a.example/2.png"><table background="https://a.example/3.png"><tr><td style="background:url(https://a.example/4.png)">x</td></tr></table><img src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==">';
    expect(page(html).held).toBe(4);
    expect(body(html)).not.toContain("a.example");
  });

  it("shows them when asked", () => {
    const html = '<img src="https://a.example/1.png">';
    expect(page(html, true).held).toBe(0);
    expect(body(html, true)).toContain("https://a.example/1.png");
  });

  it("opens links outside and tells the other side nothing", () => {
    expect(body('<a href="https://a.example">x</a>')).toMatch(
      /target="_blank".*rel="noopener noreferrer nofollow"|rel="noopener noreferrer nofollow".*target="_blank"/,
    );
  });

  it("folds the quote but never the whole message", () => {
    expect(body('<p>Yes.</p><div class="gmail_quote">On Monday …<blockquote>Shall we?</blockquote></div>')).toMatch(
      /<p>Yes.<\/p><details class="fold"><summary>Earlier text<\/summary><div class="gmail_quote">/,
    );
    expect(
      body(
        "<p>Yes.</p><div>On Mon, 16 Nov 2026 at 07:28 Davide &lt;d@x.example&gt; wrote:<br></div><blockquote>Shall we?</blockquote>",
      ),
    ).toMatch(/<p>Yes.<\/p><details class="fold"><summary>Earlier text<\/summary><div>On Mon/);
    expect(body("<blockquote>All there is</blockquote>")).not.toContain("<details");
  });

  it("keeps what gives it its shape", () => {
    expect(
      body('<table width="560" bgcolor="#f4efe6"><tr><td align="center" style="color: red">x</td></tr></table>'),
    ).toMatch(/width="560" bgcolor="#f4efe6".*align="center" style="color: red/);
  });

  it("knows mail that brings its own colours", () => {
    expect(page('<table bgcolor="#eee"><tr><td>x</td></tr></table>').designed).toBe(true);
    expect(page("<p>Plain <b>words</b></p>").designed).toBe(false);
  });
});

describe("in the dark", () => {
  const dark = (html: string, more: Partial<Parameters<typeof mailPage>[1]> = {}) =>
    mailPage(html, { remote: false, look: { ...look, scheme: "dark" }, ...more });
  it("plain mail has the page's own colours", () => {
    expect(dark("<p>hello</p>")).toMatchObject({ designed: false, adapted: false });
  });
  it.each(['<table bgcolor="#ffffff"><tr><td>x</td></tr></table>', "<style>p{color:#333}</style><p>x</p>"])(
    "white paper is turned dark: %s",
    (html) => expect(dark(html)).toMatchObject({ designed: true, adapted: true }),
  );
  it.each([
    '<table bgcolor="#7a1f4b"><tr><td>all of the text</td></tr></table>',
    '<div style="background:url(cid:x)">all of the text</div>',
    "<style>body{background:#0b2545}</style><p>x</p>",
  ])("a coloured ground stays as it was sent: %s", (html) =>
    expect(dark(html)).toMatchObject({ designed: true, adapted: false }),
  );
  it("the reader may want it otherwise", () => {
    expect(dark("<p>hello</p>", { dark: "sent" })).toMatchObject({ designed: true, adapted: false });
    expect(dark('<table bgcolor="#7a1f4b"><tr><td>x</td></tr></table>', { dark: "adapted" }).adapted).toBe(true);
  });
  it("coloured blocks keep their colours", () => {
    const page = dark('<div style="background:#fff"><p>much more text</p><a style="background:#0f6655">go</a></div>');
    expect(page.document).toMatch(/<a [^>]*class="as-sent"/);
    expect(page.document).not.toMatch(/<div [^>]*class="as-sent"/);
  });
});

describe("words of a search", () => {
  const marked = (html: string) => mailPage(html, { remote: false, look, words: ["brass", "lamps"] }).document;
  it("are marked in the text, not in tags", () => {
    expect(marked('<p title="brass">Brass &amp; lamps</p>')).toContain(
      '<p title="brass"><mark>Brass</mark> &amp; <mark>lamps</mark></p>',
    );
  });
  it("open what is folded where they are nowhere else", () => {
    expect(marked("<p>Thanks</p><blockquote>the brass one</blockquote>")).toMatch(/<details [^>]*open/);
    expect(marked("<p>brass</p><blockquote>the brass one</blockquote>")).not.toMatch(/<details [^>]*open/);
  });
});
