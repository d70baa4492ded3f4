import { Button, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { explain } from "../lib/problem";
import classes from "./Confirm.module.css";

interface Props {
  title: string;
  /** Exactly what will happen, one sentence each. */
  consequences: ReactNode[];
  /** The verb on the button. */
  verb: string;
  danger?: boolean;
  pending?: boolean;
  error?: unknown;
  children?: ReactNode;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be taken back quietly. */
export function Confirm(props: Props) {
  return (
    <Modal opened onClose={props.onClose} title={props.title} closeButtonProps={{ "aria-label": "Close" }}>
      <ul className={classes.consequences}>
        {props.consequences.map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the lines of one question do not move
          <li key={i}>{line}</li>
        ))}
      </ul>
      {props.children}
      {props.error != null && (
        <p className={classes.problem} role="alert">
          {explain(props.error).message}
        </p>
      )}
      <DialogFoot>
        <Button variant="subtle" onClick={props.onClose}>
          Cancel
        </Button>
        <Button
          variant="filled"
          data-danger={props.danger || undefined}
          loading={props.pending}
          onClick={props.onConfirm}
        >
          {props.verb}
        </Button>
      </DialogFoot>
    </Modal>
  );
}

export function DialogFoot({ children }: { children: ReactNode }) {
  return <div className={classes.foot}>{children}</div>;
}

/** What went wrong with a form, when no field can show it. */
export function DialogProblem({ error }: { error: unknown }) {
  if (error == null) return null;
  const { message, reference } = explain(error);
  return (
    <p className={classes.problem} role="alert">
      {message}
      {reference && <small> Reference {reference}</small>}
    </p>
  );
}
