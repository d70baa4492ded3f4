import { describe, expect, it } from "vitest";
import { previewText } from "./ImportChoices";

const preview = (messages: number, stored: number, more = false) => ({
  messages,
  stored,
  more,
  estimated_seconds: messages / 5,
  units: messages * 20,
});

describe("what an import would be", () => {
  it.each([
    [
      "fewer than are here",
      preview(0, 500, true),
      500,
      540,
      "Nothing to import: everything chosen is here already. 40 messages outside this choice stay here and go on following Gmail.",
    ],
    [
      "other labels",
      preview(36, 121),
      1000,
      540,
      "36 more messages to import, about 5 s. 419 messages outside this choice stay here and go on following Gmail.",
    ],
    ["all that is here", preview(0, 540), 0, 540, "Nothing to import: everything chosen is here already."],
    ["one", preview(1, 539), 0, 539, "1 more message to import, a few seconds."],
    [
      "an amount reached is not a count cut off",
      preview(4460, 540, true),
      5000,
      540,
      "4,460 more messages to import, about 15 min.",
    ],
    [
      "a count cut off says nothing of the rest",
      preview(9460, 540, true),
      0,
      1540,
      "At least 9,460 more messages to import, about 32 min or longer.",
    ],
    [
      "a count cut off among messages that are here",
      preview(0, 10_000, true),
      20_000,
      12_000,
      "The newest 10,000 of this choice are here already; older ones were not counted.",
    ],
  ])("%s", (_, p, limit, here, said) => expect(previewText(p, limit, here)).toBe(said));

  it("does not say that hidden mail stays", () =>
    expect(previewText(preview(0, 30), 1000, 93, true)).toBe(
      "Nothing to import: everything chosen is here already. 63 messages here are outside this choice. Mail of the labels turned off is hidden, not deleted.",
    ));
});
