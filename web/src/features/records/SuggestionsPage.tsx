import { Sparkles } from "lucide-react";
import { useWorkspaceId } from "@/app/session";
import { usePages } from "@/hooks/usePages";
import { type Suggestion, suggestionsApi } from "@/lib/recordMail";
import { recordKeys } from "@/lib/records";
import { Bones, Card, Empty, Failed, Page } from "@/ui/kit";
import { More } from "@/ui/More";
import classes from "./Duplicates.module.css";
import { SuggestionCard } from "./SuggestionCard";

export function SuggestionsPage() {
  const workspaceId = useWorkspaceId();
  const list = usePages<Suggestion>({
    queryKey: [...recordKeys.suggestions(workspaceId), "all"],
    read: (cursor, signal) => suggestionsApi.list(workspaceId, { state: "suggested" }, cursor, signal),
  });
  const items = list.data?.pages.flatMap((p) => p.items) ?? [];
  return (
    <Page
      title="Suggestions"
      wide
      lead="What was found in signatures and does not go into a record by itself: something else stands there already, or it is not sure enough."
    >
      {list.isPending ? (
        <Card>
          <Bones rows={4} height={84} />
        </Card>
      ) : list.error && !list.data ? (
        <Card>
          <Failed error={list.error} retry={list.refetch} title="The suggestions could not be loaded" />
        </Card>
      ) : items.length === 0 ? (
        <Card>
          <Empty icon={<Sparkles size={18} />} title="Nothing to decide">
            New titles, numbers and companies appear here as mail with them arrives.
          </Empty>
        </Card>
      ) : (
        <div className={classes.grid}>
          {items.map((s) => (
            <SuggestionCard key={s.id} workspaceId={workspaceId} suggestion={s} />
          ))}
        </div>
      )}
      <More list={list} />
    </Page>
  );
}
