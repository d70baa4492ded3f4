import type { QueryClient } from "@tanstack/react-query";
import { redirect } from "@tanstack/react-router";
import { sessionApi } from "@/lib/api";
import { keys } from "@/lib/keys";
import { Problem } from "@/lib/problem";
import { paths } from "./paths";
import { meQuery } from "./session";

const signedOut = (error: unknown) => error instanceof Problem && error.status === 401;

/** Sends on who is signed in already: signing in and the first run have nothing for them. */
export async function leaveSignedIn(client: QueryClient, to: string) {
  const state = client.getQueryState(keys.me);
  // Asked a moment ago, on the way here.
  if (state?.error && Date.now() - state.errorUpdatedAt < 5000) return;
  try {
    await client.ensureQueryData(meQuery);
  } catch {
    return;
  }
  throw redirect({ href: to, replace: true });
}

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
