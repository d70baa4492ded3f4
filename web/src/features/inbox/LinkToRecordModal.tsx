import { Modal, Switch } from "@mantine/core";
import { useState } from "react";
import type { Email } from "@/lib/types";
import { RecordPicker } from "@/ui/pickers";
import { linksOf, useLink } from "./RecordPanel";
import classes from "./RecordPanel.module.css";

interface Props {
  workspaceId: string;
  messages: Email[];
  onClose: () => void;
}

/** Ties a conversation to any record by hand: that wins over every rule, and stays. */
export function LinkToRecordModal({ workspaceId, messages, onClose }: Props) {
  const link = useLink(workspaceId);
  const [whole, setWhole] = useState(true);
  const newest = messages.at(-1);
  if (!newest) return null;
  return (
    <Modal opened onClose={onClose} title="Link to a record" closeButtonProps={{ "aria-label": "Close" }}>
      <div className={classes.find}>
        <RecordPicker
          workspaceId={workspaceId}
          label="Find a person, company, deal or other record"
          without={linksOf(messages).map((l) => l.record.id)}
          onChoose={(record) => {
            if (!record) return;
            onClose();
            void link(newest.id, record, whole);
          }}
          onClose={onClose}
        />
        <Switch
          label="The whole conversation, and what is still to come"
          description={whole ? undefined : "Only the newest message is linked."}
          checked={whole}
          onChange={(event) => setWhole(event.currentTarget.checked)}
        />
      </div>
    </Modal>
  );
}
