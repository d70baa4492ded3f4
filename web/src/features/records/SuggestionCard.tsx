/** A value that was found and that somebody is to look at: what it is, what stands there now, and the line that says so. */
import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { useState } from "react";
import { capital } from "@/lib/recordFields";
import { type Suggestion, suggestionsApi } from "@/lib/recordMail";
import { recordKeys } from "@/lib/records";
import { RecordChip } from "@/ui/RecordMark";
import { say, sayFailed } from "@/ui/toast";
import { Sighted } from "./Evidence";
import classes from "./SuggestionCard.module.css";

interface Props {
  workspaceId: string;
  suggestion: Suggestion;
  /** The record is known. */
  bare?: boolean;
}

export function SuggestionCard({ workspaceId, suggestion, bare }: Props) {
  const client = useQueryClient();
  const [busy, setBusy] = useState<"accept" | "dismiss">();
  const { record, field, value, label, current, note } = suggestion;
  const decide = async (how: "accept" | "dismiss") => {
    setBusy(how);
    try {
      await suggestionsApi[how](workspaceId, suggestion.id);
      say({
        id: `suggestion ${suggestion.id}`,
        text: how === "accept" ? `${capital(field)} of ${record.name} is ${value}` : "It is not suggested again",
      });
    } catch (error) {
      sayFailed("That did not work", error);
    }
    await client.invalidateQueries({ queryKey: recordKeys.all(workspaceId) });
    setBusy(undefined);
  };
  return (
    <article className={classes.card} aria-label={`${capital(field)}: ${value}`} data-suggestion={suggestion.id}>
      {!bare && <RecordChip record={record} />}
      {note && <p className={classes.note}>{note}</p>}
      <p className={classes.change}>
        <span className={classes.field}>{capital(field)}</span>
        {current && (
          <>
            <span className={classes.old}>{current}</span>
            <ArrowRight size={13} aria-label="becomes" />
          </>
        )}
        <strong>{value}</strong>
        {label && <small>{label}</small>}
      </p>
      <Sighted workspaceId={workspaceId} seen={suggestion} name={record.name} />
      <div className={classes.foot}>
        <Button
          size="xs"
          variant="filled"
          loading={busy === "accept"}
          disabled={busy !== undefined}
          onClick={() => void decide("accept")}
        >
          Accept
        </Button>
        <Button
          size="xs"
          variant="subtle"
          loading={busy === "dismiss"}
          disabled={busy !== undefined}
          onClick={() => void decide("dismiss")}
        >
          Dismiss
        </Button>
      </div>
    </article>
  );
}
