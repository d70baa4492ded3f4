import { PasswordInput, type PasswordInputProps } from "@mantine/core";
import { type FormEvent, useState } from "react";

/** As the server asks for. */
const shortestPassword = 10;

const rule = `At least ${shortestPassword} characters`;

interface Props extends Omit<PasswordInputProps, "description"> {
  value: string;
}

/** A password to be chosen: the rule stands under the field, and a short one is told there, not by the browser. */
export function NewPassword({ value, error, ...props }: Props) {
  const [told, setTold] = useState(false);
  const lacks = shortestPassword - [...value].length;
  const problem = error ?? (told && lacks > 0 ? `${rule}: ${lacks} ${lacks === 1 ? "is" : "are"} missing` : undefined);
  const tell = (event: FormEvent<HTMLInputElement>) => {
    event.preventDefault();
    setTold(true);
    const field = event.currentTarget;
    const first = [...(field.form?.querySelectorAll("input") ?? [])].find((input) => !input.validity.valid);
    if (first === field) field.focus();
  };
  return (
    <PasswordInput
      autoComplete="new-password"
      required
      withAsterisk={false}
      pattern={`.{${shortestPassword},}`}
      inputWrapperOrder={["label", "input", "description", "error"]}
      description={problem ? undefined : `${rule}.`}
      value={value}
      error={problem}
      onInvalid={tell}
      {...props}
    />
  );
}
