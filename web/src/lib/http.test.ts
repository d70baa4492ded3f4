import { expect, it } from "vitest";
import { readAnswer } from "./http";

it("shows names, subjects and files as they read, whatever turns their writing", () => {
  const answer = {
    items: [
      {
        subject: "Invoice \u202e000,1 RUE\u202c",
        from_name: "\u2066Priya\u2069 Raman",
        attachments: [{ name: "photo\u202egpj.exe" }],
        snippet: "\u202bשלום\u202c",
        body_text: "\u202bשלום\u202c",
      },
    ],
  };
  expect(readAnswer(JSON.stringify(answer))).toEqual({
    items: [
      {
        subject: "Invoice 000,1 RUE",
        from_name: "Priya Raman",
        attachments: [{ name: "photogpj.exe" }],
        snippet: "שלום",
        body_text: "\u202bשלום\u202c",
      },
    ],
  });
  expect(readAnswer('{"name":"שלום \u200f!"}')).toEqual({ name: "שלום \u200f!" });
});
