/** The records that the palette finds: by name, address, company or number. */

import { usePaused } from "@/hooks/usePaused";
import { useRecordList } from "@/hooks/useRecords";
import type { CrmRecord } from "@/lib/records";

const shown = 5;

export function usePaletteRecords(workspaceId: string, text: string): CrmRecord[] {
  const q = usePaused(text, 120);
  const { records } = useRecordList(workspaceId, { q, sort: "-last_at", limit: shown }, q.length > 1);
  return text.length > 1 && q.length > 1 ? records.slice(0, shown) : [];
}
