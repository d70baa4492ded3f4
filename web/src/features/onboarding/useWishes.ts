import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { read } from "@/lib/remember";
import type { GoogleStatus, SettingsChange } from "@/lib/types";
import type { Wishes } from "./ConnectPage";

/** What of the wishes differs from the settings of the new connection. */
export function wishedChange(wishes: Wishes | undefined, status: GoogleStatus): SettingsChange | undefined {
  if (!wishes || !status.connection_id) return undefined;
  const change: SettingsChange = {};
  if (wishes.limit !== status.settings.limit) change.limit = wishes.limit;
  if (wishes.visibility !== status.settings.visibility) change.visibility = wishes.visibility;
  return Object.keys(change).length > 0 ? { ...change, connection_id: status.connection_id } : undefined;
}

/** Applies, once, what was chosen before the way to Google. */
export function useWishes(workspaceId: string, status: GoogleStatus) {
  const client = useQueryClient();
  const done = useRef(false);
  const { mutate, error } = useMutation({
    mutationFn: (change: SettingsChange) => googleIntegrationApi.changeSettings(workspaceId, change),
    onSuccess: (next) => {
      sessionStorage.removeItem("rapport.connect.wishes");
      client.setQueryData(keys.google.status(workspaceId), next);
    },
  });
  useEffect(() => {
    if (done.current) return;
    done.current = true;
    const change = wishedChange(
      read<Wishes | undefined>("connect.wishes", undefined, () => sessionStorage),
      status,
    );
    if (change) mutate(change);
    else sessionStorage.removeItem("rapport.connect.wishes");
  }, [mutate, status]);
  return { error };
}
