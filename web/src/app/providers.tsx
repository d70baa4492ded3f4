import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ActionsProvider } from "@/actions/actions";
import { keys } from "@/lib/keys";
import { Problem } from "@/lib/problem";
import { cssVariables, theme } from "@/ui/theme";
import classes from "./providers.module.css";

const worthAnotherTry = (failures: number, error: unknown) =>
  failures < 2 && !(error instanceof Problem && error.status > 0 && error.status < 500);

/** `onSignedOut` is called when an answer says that the session is over. */
export function createQueryClient(onSignedOut: () => void): QueryClient {
  const notice = (error: unknown) => {
    if (error instanceof Problem && error.status === 401) onSignedOut();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError: (error, query) => query.queryKey[0] !== keys.me[0] && notice(error) }),
    mutationCache: new MutationCache({ onError: notice }),
    defaultOptions: {
      // "always": the server may be on this machine, which the browser's own idea of "online" does not know.
      queries: { staleTime: 15_000, retry: worthAnotherTry, networkMode: "always" },
      mutations: { networkMode: "always" },
    },
  });
}

export function Providers({ client, children }: { client: QueryClient; children: ReactNode }) {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <Notifications position="bottom-left" autoClose={4500} limit={3} classNames={{ root: classes.notices }} />
      <QueryClientProvider client={client}>
        <ActionsProvider>{children}</ActionsProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}
