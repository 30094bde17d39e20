/** The list of doors, and the guard around each of them; the bundle's entry. */
import { app } from "@azure/functions";
import { guard } from "../shared/guard.ts";

app.hook.preInvocation(guard);
