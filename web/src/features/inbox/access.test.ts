import { expect, it } from "vitest";
import { possessive, whatIsHidden, whyHidden } from "./access";

const owner = { user_id: "u", name: "Jonas", mine: false };

it("says what of a colleague's mail is visible, and whom to ask", () => {
  expect(whyHidden({ access: "full", owner })).toBeUndefined();
  expect(whyHidden({ access: "subject", owner })).toBe(
    "This is in Jonas’ mailbox. You see the subject, and who wrote and when. To read it, ask Jonas to share the conversation with you.",
  );
  expect(whyHidden({ access: "metadata", owner })).toContain("You see only who wrote");
  expect(whatIsHidden({ access: "metadata" })).toEqual({ subject: true, text: true });
  expect(whatIsHidden({ access: "subject" })).toEqual({ subject: false, text: true });
  expect(possessive("Mara")).toBe("Mara’s");
});
