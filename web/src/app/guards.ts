import type { QueryClient } from "@tanstack/react-query";
import { redirect } from "@tanstack/react-router";
import { sessionApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { Problem } from "@/lib/problem";
import { paths } from "./paths";
import { meQuery } from "./session";

const signedOut = (error: unknown) => error instanceof Problem && error.status === 401;

/** Lets a signed-in person through; others go to sign in, or to the first-run page where nobody exists yet. */
export async function requireSession(client: QueryClient, here: string) {
  try {
    await client.ensureQueryData(meQuery);
  } catch (error) {
    if (!signedOut(error)) throw error;
    const state = await client.fetchQuery({ queryKey: keys.setup, queryFn: () => sessionApi.setupState() });
    if (state.needed) throw redirect({ to: paths.setup });
    throw redirect({ to: paths.login, search: { next: here === paths.home ? undefined : here } });
  }
}
