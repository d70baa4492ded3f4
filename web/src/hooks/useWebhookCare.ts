import { useQuery } from "@tanstack/react-query";
import { needsCare, type Webhook, webhookKeys, webhooksApi } from "@/lib/webhooks";

const minute = 60_000;
const none: Webhook[] = [];

/** The webhooks that nothing reaches any more, or soon nothing will; for those who may see them. */
export function useWebhookCare(workspaceId: string, enabled: boolean): Webhook[] {
  const { data } = useQuery({
    queryKey: [...webhookKeys.list(workspaceId), "care"],
    queryFn: ({ signal }) => webhooksApi.list(workspaceId, signal),
    select: (page) => page.items.filter(needsCare),
    enabled,
    staleTime: minute,
    refetchInterval: 5 * minute,
  });
  return data ?? none;
}
