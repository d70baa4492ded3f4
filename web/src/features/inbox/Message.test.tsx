import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { makeMail } from "@/testing/sample";
import { Message } from "./Message";

it.each([
  [["Hotel Skärvik <desk@skarvik.example>"], "to Hotel Skärvik"],
  [["Hotel Skärvik <desk@skarvik.example>", "Priya Venkatesan <priya@tallpine-hotels.example>"], "to Hotel, Priya"],
])("names one recipient in full and several shortly", (to_emails, said) => {
  const [first] = makeMail(1, new Date());
  if (!first) throw new Error("no sample mail");
  render(
    <MantineProvider>
      <Message
        email={{ ...first, to_emails, cc: [], attachments: [], has_attachments: false }}
        mine={new Set()}
        open
        words={[]}
        onToggle={() => undefined}
      />
    </MantineProvider>,
  );
  expect(screen.getByRole("button", { name: said })).toBeDefined();
});
