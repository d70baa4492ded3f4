import { PasswordInput, type PasswordInputProps } from "@mantine/core";
import { type FormEvent, useState } from "react";

/** As the server asks for. */
export const shortestPassword = 10;

interface Props extends Omit<PasswordInputProps, "description"> {
  value: string;
  /** Stands beside the rule. */
  note?: string;
}

/** A password to be chosen: the rule stands under the field, and a short one is told there, not by the browser. */
export function NewPassword({ value, error, note, ...props }: Props) {
  const [told, setTold] = useState(false);
  const lacks = shortestPassword - value.length;
  const tell = (event: FormEvent<HTMLInputElement>) => {
    event.preventDefault();
    setTold(true);
    const field = event.currentTarget;
    if (field.form?.querySelector("input:invalid") === field) field.focus();
  };
  return (
    <PasswordInput
      autoComplete="new-password"
      required
      withAsterisk={false}
      pattern={`.{${shortestPassword},}`}
      inputWrapperOrder={["label", "input", "description", "error"]}
      description={[`At least ${shortestPassword} characters.`, note].filter(Boolean).join(" ")}
      value={value}
      error={error ?? (told && lacks > 0 ? tooShort(lacks) : undefined)}
      onInvalid={tell}
      {...props}
    />
  );
}

const tooShort = (lacks: number) =>
  lacks >= shortestPassword
    ? "A password is missing"
    : `Too short by ${lacks} ${lacks === 1 ? "character" : "characters"}`;
