export class DataView { constructor(root, context) {} show() {} hide() {} again() {} }
