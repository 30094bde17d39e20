/** Returns the JSON Schema of a hunt's rows; designers offer its columns. */
import { app } from "@azure/functions";
import { services } from "../shared/app/services.ts";
import { createRowsSchema } from "../shared/hunts/rows-schema.ts";

app.http("get_hunt_rows_schema", {
  methods: ["GET"],
  authLevel: "function",
  route: "hunts/{name}/schema",
  handler: (request) => ({
    jsonBody: createRowsSchema(services.for(request).getHunt(request.params["name"])),
  }),
});
