import { describe, expect, test } from "vitest";
import { createBlobService, createQueueService, resolveConnection } from "./connections.ts";

const identity = { kind: "identity", isManaged: false, clientId: undefined };

describe("a connection", () => {
  test.each([
    [undefined, { AzureWebJobsStorage: "x=y" }, { kind: "string", text: "x=y" }],
    ["Data", { AzureWebJobsData: "a=b" }, { kind: "string", text: "a=b" }],
    ["Data", { Data: "a=b", Data__accountName: "acct" }, { kind: "string", text: "a=b" }],
    [
      "Data",
      { Data__accountName: "acct", Data__queueServiceUri: "https://other" },
      {
        ...identity,
        queueUri: "https://acct.queue.core.windows.net",
        blobUri: "https://acct.blob.core.windows.net",
      },
    ],
    [
      "Data",
      {
        Data__queueServiceUri: "https://q",
        Data__credential: "managedidentity",
        Data__clientId: "id",
      },
      {
        kind: "identity",
        isManaged: true,
        clientId: "id",
        queueUri: "https://q",
        blobUri: undefined,
      },
    ],
  ])("%s with %j is %j", (name, env, expected) => {
    expect(resolveConnection(name, env)).toEqual(expected);
  });

  test("that no setting names is refused with the settings looked for", () => {
    expect(() => resolveConnection("Data", {})).toThrow("Data__queueServiceUri");
  });

  test("that is empty beside its __ settings is refused, as it breaks the platform's host", () => {
    const env = { AzureWebJobsStorage: "", AzureWebJobsStorage__blobServiceUri: "https://b" };
    expect(() => resolveConnection(undefined, env)).toThrow("omit it");
  });

  test("to the development storage leads to Azurite's usual ports", async () => {
    const connection = resolveConnection(undefined, {
      AzureWebJobsStorage: "UseDevelopmentStorage=true",
    });
    expect((await createQueueService(connection)).url).toBe(
      "http://127.0.0.1:10001/devstoreaccount1",
    );
    expect((await createBlobService(connection)).url).toBe(
      "http://127.0.0.1:10000/devstoreaccount1",
    );
  });

  test("with an identity opens the service it names and refuses the other", async () => {
    const connection = resolveConnection("Data", {
      Data__queueServiceUri: "https://acct.queue.core.windows.net",
    });
    expect((await createQueueService(connection)).url).toContain(
      "https://acct.queue.core.windows.net",
    );
    await expect(createBlobService(connection)).rejects.toThrow("__blobServiceUri");
  });
});
