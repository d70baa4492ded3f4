import { Check, X } from "lucide-react";
import type { EmailAccountTest, EmailAccountWay } from "@/lib/generated/api";
import classes from "./accounts.module.css";

const names: Record<EmailAccountWay["name"], string> = {
  dns: "Finding the server",
  tls: "Encryption",
  login: "Signing in",
  permission: "Permission",
  mailbox: "Opening the mailbox",
  smtp: "Sending",
};

/** The way to an account's servers, step by step, with what to do where it ends. */
export function TestSteps({ test }: { test: EmailAccountTest }) {
  return (
    <ol className={classes.steps} aria-label="Test of the connection">
      {test.steps.map((step) => (
        <li key={step.name} data-ok={step.ok}>
          {step.ok ? <Check size={15} aria-hidden="true" /> : <X size={15} aria-hidden="true" />}
          <div>
            <span className={classes.stepName}>
              {names[step.name]}
              <span className="visually-hidden">{step.ok ? ": works" : ": failed"}</span>
            </span>
            <p>
              {step.detail}
              {!step.ok && step.next_step && ` ${step.next_step}`}
            </p>
          </div>
        </li>
      ))}
    </ol>
  );
}
