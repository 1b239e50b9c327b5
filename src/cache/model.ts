import { Model, type ModelData } from "@kubernetes-models/base";
import { names } from "../../schema/names.ts";
import type { OrasCache as OrasCacheData } from "./types.ts";

/** An OrasCache with its apiVersion and kind set. */
export class OrasCache extends Model<OrasCacheData> implements OrasCacheData {
  declare metadata?: NonNullable<OrasCacheData["metadata"]>;
  declare spec?: NonNullable<OrasCacheData["spec"]>;
  declare status?: NonNullable<OrasCacheData["status"]>;
  static apiVersion: string = names.apiVersion;
  static kind: string = names.kind;
  readonly apiVersion: string = OrasCache.apiVersion;
  readonly kind: string = OrasCache.kind;

  constructor(data?: ModelData<OrasCacheData>) {
    super(data);
  }

  /** Replaced by validate.ts: only who validates pays for a compiler of JSON Schemas. */
  override validate(): void {
    throw new Error("an OrasCache is validated where src/cache/validate.ts is loaded");
  }
}
