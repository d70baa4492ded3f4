/** The names of people the reader writes with, by address: mail names its sender, and of recipients the address only. */
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext, useMemo } from "react";
import { googleIntegrationApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { type Names, namesIn } from "@/lib/people";
import type { EmailListItem } from "@/lib/types";

export const NamesContext = createContext<Names>(new Map());

export const useNames = (): Names => useContext(NamesContext);

const recent = { label: "INBOX", limit: 200 };
const minutes = 60_000;

/** Names from the mail at hand, and from what came in lately. */
export function useKnownNames(workspaceId: string, ...lists: (EmailListItem[] | undefined)[]): Names {
  const { data } = useQuery({
    queryKey: keys.people(workspaceId),
    queryFn: ({ signal }) => googleIntegrationApi.emails(workspaceId, recent, signal),
    staleTime: 5 * minutes,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the lists stand one by one
  return useMemo(() => namesIn([...lists, data?.items].flatMap((l) => l ?? []).flatMap(everybody)), [data, ...lists]);
}

/** The sender, and the recipients with the names that were written with them. */
const everybody = (e: EmailListItem) => [
  e,
  ...e.recipients.map(({ name, email }) => ({ from_name: name, from_email: email })),
];
