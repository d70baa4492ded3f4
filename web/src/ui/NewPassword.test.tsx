import { MantineProvider } from "@mantine/core";
import { fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { describe, expect, it, vi } from "vitest";
import { NewPassword } from "./NewPassword";

function Form({ onSubmit }: { onSubmit: () => void }) {
  const [value, setValue] = useState("");
  return (
    <MantineProvider env="test">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <NewPassword label="Password" value={value} onChange={(event) => setValue(event.currentTarget.value)} />
        <button type="submit">Go</button>
      </form>
    </MantineProvider>
  );
}

const type = (value: string) => fireEvent.change(screen.getByLabelText("Password"), { target: { value } });

describe("choosing a password", () => {
  it("shows the rule before anything is sent, and what is lacking after", () => {
    const submit = vi.fn();
    render(<Form onSubmit={submit} />);
    expect(screen.getByText("At least 10 characters.")).toBeDefined();
    type("short");
    fireEvent.click(screen.getByRole("button", { name: "Go" }));
    expect(submit).not.toHaveBeenCalled();
    expect(screen.getByText("At least 10 characters: 5 are missing")).toBeDefined();
    expect(document.activeElement).toBe(screen.getByLabelText("Password"));
    type("short one");
    expect(screen.getByText("At least 10 characters: 1 is missing")).toBeDefined();
    type("long enough");
    expect(screen.getByText("At least 10 characters.")).toBeDefined();
    fireEvent.click(screen.getByRole("button", { name: "Go" }));
    expect(submit).toHaveBeenCalledOnce();
  });
});
