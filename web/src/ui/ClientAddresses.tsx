import type { Approval } from "@/lib/types";
import { CopyList } from "./Copy";

/** The addresses that the OAuth client at Google has to list, ready to copy. */
export function ClientAddresses({
  redirect_uris,
  javascript_origins,
}: Pick<Approval, "redirect_uris" | "javascript_origins">) {
  return (
    <>
      <CopyList items={redirect_uris} what="redirect URIs" label="Authorised redirect URIs" />
      {javascript_origins.length > 0 && (
        <CopyList items={javascript_origins} what="JavaScript origins" label="Authorised JavaScript origins" />
      )}
    </>
  );
}
