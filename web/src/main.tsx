import "./ui/styles";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { paths } from "./app/paths";
import { createQueryClient, Providers } from "./app/providers";
import { makeRouter, warm } from "./app/router";
import { forgetSession } from "./app/session";

const client = createQueryClient(() => {
  if (location.pathname === paths.login) return;
  forgetSession(client);
  void router.navigate({ to: paths.login, search: { next: location.pathname + location.search } });
});
const router = makeRouter(client);
warm(location.pathname);

const place = document.getElementById("root");
if (!place) throw new Error("index.html has no #root");
createRoot(place).render(
  <StrictMode>
    <Providers client={client}>
      <RouterProvider router={router} />
    </Providers>
  </StrictMode>,
);
