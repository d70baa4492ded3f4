import { X } from "lucide-react";
import { useRecord } from "@/hooks/useRecords";
import pieces from "@/ui/pieces.module.css";
import { RecordChip } from "@/ui/RecordMark";
import classes from "./RecordPanel.module.css";

/** Says whose mail is listed, where the list is that of a record. */
export function RecordFilter({ workspaceId, id, onClear }: { workspaceId: string; id: string; onClear: () => void }) {
  const { data, error } = useRecord(workspaceId, id);
  return (
    <div className={classes.filter}>
      {data ? (
        <>
          Mail of <RecordChip record={data} />
        </>
      ) : (
        <span>{error ? "Mail of a record that is gone" : "Mail of a record"}</span>
      )}
      <button type="button" className={pieces.sign} aria-label="Mail of all" title="Mail of all" onClick={onClear}>
        <X size={14} />
      </button>
    </div>
  );
}
